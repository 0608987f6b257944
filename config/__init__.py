"""What an operator may set, and how the log is written."""
