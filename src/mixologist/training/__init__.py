"""How the adapters and the router are trained."""
