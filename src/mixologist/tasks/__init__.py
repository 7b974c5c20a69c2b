"""From a recipe's tasks to splits of examples, and from examples to token ids."""
