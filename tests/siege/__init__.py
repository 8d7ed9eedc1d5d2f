"""A search for the next request that costs more than it pays: ``make siege``.

``attacks``    what outside trials broke the server with, by number, and what was found here since
``request``    one HTTP request, as bytes
``server``     the server under siege: a process of its own, limited in memory, with a watch on its loop
``asking``     sends bytes, and reads what is answered
``measure``    what one request spends there, and what it is charged
``trees``      selections of a document, that can be written, read and changed
``writing``    draws requests from the schema
``changing``   changes trees a little, and combines them
``oddities``   headers, addresses and bodies around a document, or in its place
``pool``       the worst so far by one measure, of every shape a few
``search``     one round: keeps the worst, changes and combines them, and measures what comes of it
``findings``   what all rounds found: tables, lines about the progress, a file
``run``        the command
"""
