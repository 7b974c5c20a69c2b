"""What is wrong with the data of a recipe: found, shown, and mended in copies."""
