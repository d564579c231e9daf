#!/usr/bin/env python3
"""Watches hosts that are network namespaces until its input ends: what their processes hold, whom they talk to.

usage: watch-hosts.py PID,PID.. HEXPORT HEXADDRESS NEEDLE..   a process in each namespace; the port nobody there may
talk to, and the address it is reached from; what no process there may have in its words or variables.
Prints {"samples": N, "findings": [..]}. Connections stay listed for a minute after their end: none is missed.
"""
import json, os, select, sys

namespaces = {os.readlink(f'/proc/{pid}/ns/net'): pid for pid in sys.argv[1].split(',')}
port, allowed, needles = sys.argv[2], sys.argv[3], [needle.encode() for needle in sys.argv[4:]]
findings, samples, seen = set(), 0, 0

def connections(pid):
    """(local address, local port, remote address, remote port) as /proc has them."""
    for name in ('tcp', 'tcp6'):
        with open(f'/proc/{pid}/net/{name}') as table:
            for line in table.readlines()[1:]:
                local, remote = (end.split(':') for end in line.split()[1:3])
                yield local[0][-8:], local[1], remote[0][-8:], remote[1]

def look():
    global seen
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.readlink(f'/proc/{pid}/ns/net') not in namespaces:
                continue
            seen += 1
            for name in ('cmdline', 'environ'):
                with open(f'/proc/{pid}/{name}', 'rb') as file:
                    text = file.read()
                findings.update(f'{name} of {pid}: {needle.decode()}' for needle in needles if needle in text)
        except OSError:
            pass  # it ended meanwhile
    for namespace, pid in namespaces.items():
        findings.update(f'{namespace} talks to {remote}' for _, _, remote, to in connections(pid) if to == port)
    findings.update(f'the server talks to {remote}' for _, own, remote, _ in connections('self')
                    if own == port and remote not in (allowed, '00000000'))

ended = False
while not ended:
    # The last look comes after the end was asked for.
    ended = bool(select.select([sys.stdin], [], [], 0.05)[0])
    look()
    samples += 1
print(json.dumps({'samples': samples, 'seen': seen, 'findings': sorted(findings)}))
