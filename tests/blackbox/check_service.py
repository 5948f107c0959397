"""A tiny HTTP service for the tests of check: `check_service.py HOW PORT`. /slow takes a while. HOW says what it does about TERM."""

import http.server
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

how, port = sys.argv[1], int(sys.argv[2])
SLOW_S = 1.0
LINGER_RESET = struct.pack("ii", 1, 0)  # closing sends a reset
connections: list[socket.socket] = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        connections.append(self.connection)
        if self.path == "/slow" and not how.startswith("streams"):  # they begin their answer at once
            time.sleep(SLOW_S)
        body = b"hello\n"
        if how == "cuts-off" and self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "600")
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            os._exit(0)
        if how == "cuts-off-head" and self.path == "/slow":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            self.wfile.flush()
            os._exit(0)
        if how == "streams" and self.path == "/slow":
            self.protocol_version = "HTTP/1.1"
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n")
            self.wfile.flush()
            time.sleep(SLOW_S)
            self.wfile.write(b"1\r\n!\r\n0\r\n\r\n")
            return
        if how == "streams-and-stops" and self.path == "/slow":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\nhello\n")
            self.wfile.flush()
            stopping.wait()
            os._exit(0)
        self.send_response(503 if stopping.is_set() and how == ("refuses-late" if self.path == "/slow" else "refuses-new") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64


stopping = threading.Event()


def stop(_signum: int, _frame: object) -> None:
    stopping.set()
    if how == "resets":
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        os._exit(0)
    if how == "hangs":
        return
    delay_s = 0.8 if how == "keeps-listening" else 0.3 if how == "refuses-new" else 0
    threading.Timer(delay_s, server.shutdown).start()


if how == "ignores-during-start":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1.0)  # the start-up
if how == "leaves-child":
    subprocess.Popen(["sh", "-c", 'trap "" TERM; exec sleep 100'])
if how == "zombie":
    unwaited = subprocess.Popen(["true"])  # kept: without a reference, Popen itself would wait for it now and then
server = Server(("127.0.0.1", port), Handler)
if certificate := os.environ.get("CERTIFICATE"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
signal.signal(signal.SIGTERM, stop)
if how == "blocks":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("listening", flush=True)
server.serve_forever(poll_interval=0.02)
if how == "stops-accepting":
    time.sleep(0.3)
server.server_close()
sys.exit(3 if how == "wrong-status" else 0)
