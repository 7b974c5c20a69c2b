"""Records made readable: tables and sentences. Reads JSON only; no torch."""
