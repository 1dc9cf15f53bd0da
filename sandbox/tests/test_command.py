"""`python -m sandbox` as a process of its own."""

import base64
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.tests.client import Client

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start():
    processes = []

    def run(*options):
        command = [sys.executable, "-m", "sandbox", "--port", "0", *options]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(process)
        line = process.stdout.readline()
        return process, line.split("Brevo: ")[1].split()[0].removesuffix("/brevo/v3")

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_quietly_even_with_a_hanging_request(start, number):
    process, url = start("--brevo-key", "other", "--rate-limit", "3")
    client = Client(url, "other")
    assert client("GET", "/contacts").headers["x-sib-ratelimit-limit"] == "3"
    client("POST", "/_sandbox/faults", {"kind": "hang", "seconds": 600}, root=True)

    def hang():
        with pytest.raises(OSError):
            client("GET", "/contacts")

    thread = threading.Thread(target=hang)
    thread.start()
    process.send_signal(number)
    output, errors = process.communicate(timeout=2)
    thread.join(2)
    client.close()
    assert (process.returncode, output, errors) == (0, "", "")


def test_mautics_log_in_is_an_option(start):
    _, url = start("--mautic-username", "ann", "--mautic-password", "s3cret")
    client = Client(url, None)
    wanted = base64.b64encode(b"ann:s3cret").decode()
    for pair, status in ((wanted, 200), ("eDp5", 401)):
        headers = {"Authorization": f"Basic {pair}"}
        assert client("GET", "/mautic/api/contacts", root=True, headers=headers).status == status
    client.close()


def test_verbose_logs_lines_without_bodies(start):
    process, url = start("--verbose")
    client = Client(url)
    client.upsert("hidden@acme.example")
    client.close()
    process.terminate()
    _, errors = process.communicate(timeout=2)
    assert errors == "POST '/brevo/v3/contacts' -> 201\n"


def test_a_taken_port_is_one_clear_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error


@pytest.mark.parametrize("options", [["--port", "70000"], ["--rate-limit", "-1"], ["--latency-ms", "nan"]])
def test_bad_options_are_refused(options):
    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2
