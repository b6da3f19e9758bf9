"""How data are read: in batches, as a random part, and what is kept of them."""
