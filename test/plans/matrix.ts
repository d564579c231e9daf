import type { Stands } from './place.ts'

/** States of one path, before a step. Relative links lead to what stands beside it. */
export const states: Readonly<Record<string, Readonly<Record<string, Stands>>>> = {
  nothing: {},
  file: { p: 'old\n' },
  same: { p: 'new\n' },
  empty: { p: '' },
  'private file': { p: { text: 'new\n', mode: '600' } },
  folder: { p: { folder: '755' } },
  'full folder': { p: { folder: '755' }, 'p/in': 'x\n', 'p/sub/deep': 'y\n' },
  'link to file': { other: 'old\n', p: { link: 'other' } },
  'link to same': { other: 'new\n', p: { link: 'other' } },
  'link to folder': { other: { folder: '755' }, p: { link: 'other' } },
  'dangling link': { p: { link: 'nowhere' } },
}

/** Steps on that path; @P@ is the path, @D@ its folder. */
export const steps: Readonly<Record<string, string>> = {
  copy: 'copy: { dest: "@P@", content: "new\\n" }',
  'copy empty': 'copy: { dest: "@P@", content: "" }',
  'copy with mode': 'copy: { dest: "@P@", content: "new\\n", mode: "0600", owner: root }',
  'copy kept': 'copy: { dest: "@P@", content: "new\\n", force: false }',
  'copy with backup': 'copy: { dest: "@P@", content: "new\\n", backup: true }',
  'copy a file': 'copy: { dest: "@P@", src: given.txt }',
  'copy into folder': 'copy: { dest: "@P@/", src: given.txt }',
  'copy below': 'copy: { dest: "@P@/in", content: "new\\n" }',
  template: 'template: { dest: "@P@", src: given.hbs }',
  'template with mode': 'template: { dest: "@P@", src: given.hbs, mode: "0640" }',
  line: 'lineinfile: { path: "@P@", line: new }',
  'line made': 'lineinfile: { path: "@P@", line: new, create: true }',
  'line made below': 'lineinfile: { path: "@P@/new/in", line: new, create: true }',
  'line replaced': 'lineinfile: { path: "@P@", regexp: "^old", line: new, mode: "0600" }',
  'line removed': 'lineinfile: { path: "@P@", regexp: "^new", state: absent }',
  'file as it is': 'file: { path: "@P@", mode: "0600" }',
  'file file': 'file: { path: "@P@", state: file, mode: "0640" }',
  folder: 'file: { path: "@P@", state: directory }',
  'folder with mode': 'file: { path: "@P@", state: directory, mode: "0700" }',
  'folder below': 'file: { path: "@P@/new/in", state: directory, mode: "0750" }',
  'folder recurse': 'file: { path: "@P@", state: directory, mode: "0700", recurse: true }',
  absent: 'file: { path: "@P@", state: absent }',
  'absent below': 'file: { path: "@P@/in", state: absent }',
  'touch preserve':
    'file: { path: "@P@", state: touch, access_time: preserve, modification_time: preserve, mode: "0644" }',
  link: 'file: { path: "@P@", state: link, src: beside }',
  'link forced': 'file: { path: "@P@", state: link, src: beside, force: true }',
  'link to nothing': 'file: { path: "@P@", state: link, src: gone, force: true }',
  'hard link': 'file: { path: "@P@", state: hard, src: "@D@/beside" }',
  'hard link forced': 'file: { path: "@P@", state: hard, src: "@D@/beside", force: true }',
}
