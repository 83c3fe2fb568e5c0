// Finding the program and becoming it, as execvp(3) of glibc does: through PATH, and a text file without "#!" is run by
// the shell. Only ever called in the child.

import {
  copy,
  Errno,
  execve,
  inherited_mask,
  PATH_MAX,
  replace_argument,
  rt_sigprocmask,
  Source,
} from "./kernel.ts";
import { scratch, state } from "./state.ts";
import { searchGoesOn } from "./status.ts";
import { Text } from "./texts.ts";
import { byteAt, firstVariable, putTextAt, skip } from "./words.ts";

const NAME_MAX = 255;
const SLASH = 47;
const COLON = 58;
/** The longest part of PATH, a slash, the longest name and its NUL; behind it the name of the shell. */
const path = scratch;
const shell = scratch + PATH_MAX + NAME_MAX + 2;

/** Executes the program with the mask that the init was started with. Answers the errno of the failure. */
export function execute(): i32 {
  rt_sigprocmask(inherited_mask());
  const length = copy(Source.Argument, state.program, 0, path, PATH_MAX);
  if (length === 0) return Errno.ENOENT;
  if (length >= PATH_MAX) return Errno.ENAMETOOLONG;
  store<u8>(path + usize(length), 0);
  for (let i = 0; i < length; i++) {
    if (load<u8>(path + usize(i)) === SLASH) return executePath();
  }
  return length > NAME_MAX ? Errno.ENAMETOOLONG : search(length);
}

/** Tries the program in every folder of PATH. The errno is the last one, but EACCES if any was that. */
function search(nameLength: i32): i32 {
  let source = i32(Source.Text);
  let index = i32(Text.DefaultPath);
  let offset = 0;
  const variable = firstVariable(Text.VariablePath);
  if (variable >= 0) {
    source = Source.Variable;
    index = variable;
    offset = skip(source, index, 0, Text.VariablePath);
  }
  let denied = false;
  while (true) {
    const part = partLength(source, index, offset);
    if (part < PATH_MAX) {
      place(source, index, offset, part, nameLength);
      const errno = executePath();
      if (errno === Errno.EACCES) denied = true;
      else if (!searchGoesOn(errno)) return errno;
    }
    offset += part;
    if (byteAt(source, index, offset) === 0) return denied ? Errno.EACCES : Errno.ENOENT;
    offset++;
  }
}

/** The length of the part of PATH at `offset`, up to a colon or the end. */
function partLength(source: i32, index: i32, offset: i32): i32 {
  let end = offset;
  while (true) {
    const char = byteAt(source, index, end);
    if (char === 0 || char === COLON) return end - offset;
    end++;
  }
}

/** Makes "part/name" in `path`; an empty part is the working directory. */
function place(source: i32, index: i32, offset: i32, part: i32, nameLength: i32): void {
  for (let i = 0; i < part; i++) store<u8>(path + usize(i), u8(byteAt(source, index, offset + i)));
  let end = path + usize(part);
  if (part > 0) store<u8>(end++, SLASH);
  copy(Source.Argument, state.program, 0, end, nameLength);
  store<u8>(end + usize(nameLength), 0);
}

function executePath(): i32 {
  const errno = -execve(path, state.program);
  return errno === Errno.ENOEXEC ? executeScript() : errno;
}

/** The arguments become /bin/sh, the path, and what followed the program; the init's own name makes room. */
function executeScript(): i32 {
  putTextAt(Text.Shell, shell, 16);
  replace_argument(state.program - 1, shell);
  replace_argument(state.program, path);
  return -execve(shell, state.program - 1);
}
