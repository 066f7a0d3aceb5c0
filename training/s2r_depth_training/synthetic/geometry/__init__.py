"""What scenes consist of and where things are in them."""
