"""Small made-up data sets for ``mixologist demo``: the service desk of a shop with its own bank.

draw.py       one named stream of random choices
tickets.py    queue, urgency, call_urgency (helped by sharing), titles
reviews.py    sentiment, rival_reviews (hurt by sharing)
documents.py  entities, invoices
general.py    general instructions, arithmetic
catalogue.py  every task: its rows, sizes, instruction and wordings
build.py      the files and the recipe
"""
