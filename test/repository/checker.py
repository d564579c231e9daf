#!/usr/bin/env python3
"""Checks a repository on disk by its specification alone; shares no code with bkp.

usage: checker.py REPOSITORY [OUT]     every data file's name is the sha256 of its bytes; every manifest decodes by the
schema in bendsave.md; every file is rebuilt from its blocks, below OUT/<backup>/<host>/<path> where OUT is given.
"""
import ast, hashlib, os, re, subprocess, sys, tempfile

repo = os.fsencode(sys.argv[1])
out = os.fsencode(sys.argv[2]) if len(sys.argv) > 2 else None
holder = tempfile.TemporaryDirectory(); schema = holder.name
with open(os.path.join(repo, b'bendsave.md')) as f:
    proto = re.search(r'^```proto\n(.*?)^```$', f.read(), re.S | re.M).group(1)
with open(os.path.join(schema, 'bkp.proto'), 'w') as f:
    f.write(proto)
def fail(what):
    sys.exit(f'FAULT {what}')
def decode(message, data):
    """protoc's text form as nested dicts of lists."""
    protoc = ['protoc', f'--proto_path={schema}', f'--decode=bkp.v1.{message}', 'bkp.proto']
    text = subprocess.run(protoc, input=data, stdout=subprocess.PIPE, check=True).stdout.decode()
    stack = [{}]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith('{') and '"' not in line:
            stack.append({})
            stack[-2].setdefault(line[:-1].strip(), []).append(stack[-1])
        elif line == '}':
            stack.pop()
        else:
            name, value = line.split(': ', 1)
            value = ast.literal_eval('b' + value) if value.startswith('"') else value
            stack[-1].setdefault(name, []).append(value)
    return stack[0]
def one(message, name, default):
    return message.get(name, [default])[0]
def block(ref):
    name = one(ref, 'block_id', b'').decode()
    generation = int(one(ref, 'generation', '0'))
    key = name + (f'.{generation}' if generation else '')
    if not re.fullmatch('[0-9a-f]{64}', name):
        fail(f'block id {name!r}')
    if key not in blocks:
        fail(f'block {key} is missing')
    with open(blocks[key], 'rb') as f:
        data = f.read()
    if len(data) != int(ref['block_size'][0]):
        fail(f'block {key} is {len(data)} bytes long')
    return data
def content(entry):
    size, refs = int(one(entry, 'size', '0')), entry.get('blocks', [])
    if len(refs) == 1:
        offset = int(one(refs[0], 'offset', '0'))
        data = block(refs[0])[offset:offset + size]
    else:
        data = b''.join(block(ref) for ref in refs)
    digest = one(entry, 'sha256', b'')
    if len(data) != size or digest and hashlib.sha256(data).digest() != digest:
        fail(f'{entry["path"][0]!r} is not what its entry says')
    return data
def rebuild(folder, entry):
    kind = one(entry, 'type', 'FILE')
    data = content(entry) if kind == 'FILE' else b''
    if folder is None:
        return
    path = os.path.join(folder, entry['host'][0], entry['path'][0].lstrip(b'/'))
    os.makedirs(path if kind == 'DIRECTORY' else os.path.dirname(path), exist_ok=True)
    if kind == 'SYMLINK':
        os.symlink(entry['symlink_target'][0], path)
    elif kind == 'FILE':
        with open(path, 'xb') as f:
            f.write(data)
        os.chmod(path, int(one(entry, 'mode', '0')))
        os.utime(path, ns=(int(one(entry, 'mtime_ns', '0')),) * 2)

blocks = {}
for at, _, names in os.walk(os.path.join(repo, b'data')):
    for name in (n.decode() for n in names if not n.startswith(b'.tmp-')):
        blocks[name] = os.path.join(at, name.encode())
        with open(blocks[name], 'rb') as f:
            if hashlib.sha256(f.read()).hexdigest() != name.split('.')[0]:
                fail(f'data/{name} does not hold what its name says')
manifests = os.path.join(repo, b'manifests')
for name in sorted(os.listdir(manifests)) if os.path.isdir(manifests) else []:
    if name.startswith(b'.tmp-'):
        continue
    with open(os.path.join(manifests, name), 'rb') as f:
        manifest = decode('BackupManifest', f.read())
    entries = list(manifest.get('storage', [])) + manifest.get('metasrv', [])
    for ref in manifest.get('storage_index', []):
        entries += decode('BackupFileList', block(ref))['files']
    listed = {(b['block_id'][0], one(b, 'generation', '0'))
              for ref in manifest.get('blocks', []) for b in decode('BackupBlockList', block(ref))['blocks']}
    named = {(b['block_id'][0], one(b, 'generation', '0')) for e in entries for b in e.get('blocks', [])}
    if not named <= listed:
        fail(f'{name.decode()}: its list of blocks lacks some of its files')
    backup = name.decode().removesuffix('.manifest')
    for entry in entries:
        rebuild(os.path.join(out, backup.encode()) if out else None, entry)
    print(backup, one(manifest, 'state', 'COMPLETE'), len(entries))
