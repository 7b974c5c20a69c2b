"""The frozen base, the bank of adapters on it, the router, decoding, and the files they are kept in."""
