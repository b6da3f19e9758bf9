"""Networks that measures of images see through."""
