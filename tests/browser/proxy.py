"""A slow network: a TCP proxy that delivers every byte some time after it was sent."""

import queue
import socket
import threading
import time
from contextlib import suppress


class DelayingProxy:
    """Forwards 127.0.0.1:port to `target_port`, `delay` seconds later each way.

        with DelayingProxy(server.port, delay=0.1) as proxy:
            lab.run(cells, port=proxy.port)
        proxy.received  # bytes that the browser got

    It knows nothing of HTTP, so web sockets pass like everything else.
    """

    def __init__(self, target_port: int, delay: float):
        self.target_port, self.delay, self.received = target_port, delay, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.asleep = False  # a closed laptop: nothing passes, nobody is let in

    def fall_asleep(self):
        """Cut all connections, and turn new ones away until `wake`."""
        self.asleep = True
        for connection in self.connections:
            with suppress(OSError):  # the other end has gone already
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def wake(self):
        """Connections are let through again."""
        self.asleep = False

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error):
        for connection in [self.listener, *self.connections]:
            connection.close()

    def _accept(self):
        while True:
            try:
                browser, _ = self.listener.accept()
                if self.asleep:
                    browser.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:  # closed
                return
            self.connections += [browser, server]
            for pair in ((browser, server), (server, browser)):
                for end in pair:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pump(*pair, counted=pair[0] is server)

    def _pump(self, source, target, counted):
        """Two threads: one reads and notes the time, one waits and writes."""
        waiting = queue.SimpleQueue()

        def read():
            while True:
                try:
                    data = source.recv(65536)
                except OSError:
                    data = b""
                self.received += len(data) if counted else 0
                waiting.put((time.monotonic() + self.delay, data))
                if not data:
                    return

        def write():
            while True:
                due, data = waiting.get()
                time.sleep(max(0, due - time.monotonic()))
                try:
                    if not data:
                        target.shutdown(socket.SHUT_WR)
                        return
                    target.sendall(data)
                except OSError:  # the other end has gone
                    return

        for work in (read, write):
            threading.Thread(target=work, daemon=True).start()
