// The files of an image as a container would see them: layers one over the other, with what they delete, and links. The
// rule: nothing is written anywhere, no path leads out of the root, and every walk along links has an end.

import type { FileFacts } from "./facts.ts";

export interface FileNode {
  readonly kind: "file";
  readonly facts: FileFacts;
}

interface LinkNode {
  readonly kind: "link";
  readonly target: string;
}

interface FolderNode {
  readonly kind: "folder";
  readonly children: Map<string, Node>;
}

/** A device, a pipe, a socket. */
interface OtherNode {
  readonly kind: "other";
}

export type Node = FileNode | LinkNode | FolderNode | OtherNode;

/** What one entry of a layer does; a hard link names an entry before it. */
export type Change =
  | { readonly path: string; readonly node: Exclude<Node, FolderNode> }
  | { readonly path: string; readonly folder: true }
  | { readonly path: string; readonly hardLink: string }
  | { readonly path: string; readonly deleted: true }
  | { readonly path: string; readonly opaque: true };

/** Something in an image that no image has: the message says what and where. */
export class ImageError extends Error {}

/** As Linux: path_resolution(7), PATH_MAX. */
const LINKS_MAX = 40;
const PATH_MAX = 4096;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** A path of a tar archive, without the dots and slashes at its ends; throws an ImageError where it leads out. */
export function cleanPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || path.includes("\0"))
    throw new ImageError(`an entry of a layer leads out of the image: ${path.slice(0, 200)}`);
  if (path.length > PATH_MAX)
    throw new ImageError(`an entry of a layer has a path of ${path.length} bytes: ${path.slice(0, 80)}...`);
  return parts.join("/");
}

/** What the name of an entry says of the layers below: "a/.wh.b" deletes a/b, "a/.wh..wh..opq" all that is in a. */
export function whiteoutOf(path: string): Change | undefined {
  const at = path.lastIndexOf("/") + 1;
  const name = path.slice(at);
  if (!name.startsWith(WHITEOUT)) return undefined;
  const folder = path.slice(0, Math.max(0, at - 1));
  if (name === OPAQUE) return { path: folder, opaque: true };
  // Other names with that beginning are the storage driver's own.
  if (name.startsWith(".wh..wh.")) return { path: `${folder}/${name}`, deleted: true };
  return {
    path: [folder, name.slice(WHITEOUT.length)].filter((part) => part !== "").join("/"),
    deleted: true,
  };
}

export class Tree {
  readonly #root: FolderNode = { kind: "folder", children: new Map() };

  /** Puts a layer over what is there. What it deletes is of the layers below, wherever in the layer that is said. */
  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if ("deleted" in change) this.#delete(change.path);
      else if ("opaque" in change) this.#empty(change.path);
    }
    for (const change of changes) {
      if ("node" in change) this.#put(change.path, change.node);
      else if ("folder" in change) this.#folder(change.path.split("/"), true);
      else if ("hardLink" in change) this.#link(change.path, change.hardLink);
    }
  }

  /** What is at a path, at the end of all links; with its own path. */
  find(path: string): { readonly path: string; readonly node: Node } | undefined {
    const waiting = path.split("/").reverse();
    const [walked, at]: [string[], Node[]] = [[], [this.#root]];
    for (let links = 0; waiting.length > 0; ) {
      const part = waiting.pop() ?? "";
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (walked.pop() !== undefined) at.pop();
        continue;
      }
      const parent = at.at(-1);
      const node = parent?.kind === "folder" ? parent.children.get(part) : undefined;
      if (node === undefined) return undefined;
      if (node.kind !== "link") {
        walked.push(part);
        at.push(node);
        continue;
      }
      if (++links > LINKS_MAX || node.target.length > PATH_MAX) return undefined;
      if (node.target.startsWith("/")) [walked.length, at.length] = [0, 1];
      waiting.push(...node.target.split("/").reverse());
    }
    return { path: `/${walked.join("/")}`, node: at.at(-1) ?? this.#root };
  }

  /** Every path with what is there itself, links not followed. */
  *walk(): Generator<{ readonly path: string; readonly node: Node }> {
    const waiting: [string, FolderNode][] = [["", this.#root]];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [path, folder] = next;
      for (const [name, node] of folder.children) {
        const own = `${path}/${name}`;
        yield { path: own, node };
        if (node.kind === "folder") waiting.push([own, node]);
      }
    }
  }

  #put(path: string, node: Exclude<Node, FolderNode>): void {
    const parts = path.split("/");
    const name = parts.pop() ?? "";
    if (name !== "") this.#folder(parts, false).children.set(name, node);
  }

  #link(path: string, target: string): void {
    const found = this.find(target)?.node;
    // A link to what another layer deleted, or that nobody has: as if it were a device.
    this.#put(path, found?.kind === "file" ? found : { kind: "other" });
  }

  /** The folder at a path, made where it is missing; through links, where they lead to folders. */
  #folder(parts: readonly string[], isEntry: boolean): FolderNode {
    let at = this.#root;
    parts.forEach((part, i) => {
      if (part === "") return;
      const own = at.children.get(part);
      const last = isEntry && i === parts.length - 1;
      const found = own?.kind === "link" && !last ? this.find(parts.slice(0, i + 1).join("/"))?.node : own;
      if (found?.kind === "folder") {
        at = found;
        return;
      }
      const made: FolderNode = { kind: "folder", children: new Map() };
      at.children.set(part, made);
      at = made;
    });
    return at;
  }

  #delete(path: string): void {
    const at = path.lastIndexOf("/");
    const folder = this.find(path.slice(0, Math.max(0, at)))?.node;
    if (folder?.kind === "folder") folder.children.delete(path.slice(at + 1));
  }

  #empty(path: string): void {
    const folder = this.find(path)?.node;
    if (folder?.kind === "folder") folder.children.clear();
  }
}
