"""How a model leaves this package: endpoints, and the formats they are written in."""
