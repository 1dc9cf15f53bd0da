"""The web server's settings; `gunicorn` reads them from the folder it is started in. Its command line wins."""

# A supervisor (systemd, Docker) kills ten seconds after SIGTERM. Requests under way get eight of them; one that takes
# longer is cut off, and the database undoes its transaction. gunicorn's own default is thirty.
graceful_timeout = 8
