"""How fast, and at what cost: this worker and its peers on the same work, in turn, against one broker."""
