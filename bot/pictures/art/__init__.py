"""How the demo shop's products are drawn."""
