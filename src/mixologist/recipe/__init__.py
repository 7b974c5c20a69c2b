"""The recipe, what a run is made from: ``schema``, ``load``, ``advice``, ``fingerprint``. No torch here."""
