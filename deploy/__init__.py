"""What runs a worker somewhere: an image, manifests, and what watches it there."""
