"""Tools outside the package."""
