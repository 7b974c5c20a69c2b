"""One file for each part of a report, from records to blocks. A part without records says so, or is left out."""
