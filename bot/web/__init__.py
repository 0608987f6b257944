"""Every wire that comes in over HTTP."""
