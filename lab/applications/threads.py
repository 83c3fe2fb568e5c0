# Good: the main thread blocks SIGTERM, as in every program that leaves signals to one of its threads.
import os, signal, threading, time

# As one that has a lot to load first.
over = time.monotonic() + 1
while time.monotonic() < over:
    pass

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
if os.environ.get("NOBODY_LISTENS"):
    # Bad: and here no thread takes it.
    while True:
        time.sleep(1)

def listen():
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)

threading.Thread(target=listen).start()
while True:
    time.sleep(1)
