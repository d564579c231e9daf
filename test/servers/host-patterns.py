"""Prints the hosts that Ansible finds for each pattern of a JSON list on stdin, as JSON."""

import json
import sys

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader


def hosts_of(inventory, pattern):
    try:
        return [host.name for host in inventory.get_hosts(pattern)]
    except AnsibleError:
        return "error"


init_plugin_loader()
manager = InventoryManager(loader=DataLoader(), sources=sys.argv[1:])
print(json.dumps([hosts_of(manager, pattern) for pattern in json.load(sys.stdin)]))
