"""How the built-in base is made; see README.md."""
