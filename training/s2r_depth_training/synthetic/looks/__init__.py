"""How surfaces and light look, and how a camera sees them."""
