"""A search for the next request that costs more than it pays: ``make siege``.

``attacks``    what outside trials broke the server with, by number, and what was found here since
``request``    one HTTP request, as bytes
``server``     the server under siege: a process of its own, limited in memory, with a watch on its loop
``measure``    what one request spends there, and what it is charged
``trees``      selections of a document, that can be written, read and changed
``writing``    draws requests from the schema
``search``     keeps the worst, changes and combines them, and measures what comes of it
``run``        the command
"""
