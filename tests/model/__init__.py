"""A second, independent reading of the published rules about money, and the histories that try the shop against it."""
