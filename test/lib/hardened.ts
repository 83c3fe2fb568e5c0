// What every ELF that steady ships must be, on every architecture: static, with nothing both written and executed, and
// marked for what its processor can protect. docs/decisions/0013-hardening.md has the reasons.

import assert from "node:assert/strict";
import type { Architecture } from "../../tools/architectures.ts";
import { type Elf, type Segment, SegmentType } from "./elf.ts";

const ET_EXEC = 2;
const ARM64 = 183;
const ARM = 40;
/** EABI version 5, and arguments in the registers of the floating point unit. */
const ARM_HARD_FLOAT = 0x05000400;
/** Name "GNU", NT_GNU_PROPERTY_TYPE_0, one property: branch targets are marked (1), return addresses signed (2). */
const PROPERTY = "040000001000000005000000474e5500" + "000000c0040000000300000000000000";

/** Throws what is wrong with it. */
export function assertHardened(elf: Elf, architecture: Architecture): void {
  assert.deepEqual([elf.machine, elf.bits], [architecture.elfMachine, architecture.bits]);
  assertStatic(elf);
  assertApart(elf);
  assertPages(elf, architecture);
  if (elf.machine === ARM64) assertProperty(elf);
  if (elf.machine === ARM) assert.equal(elf.flags, ARM_HARD_FLOAT, "not for hard float");
}

/** No interpreter, nothing to link or relocate, loaded where it says. */
function assertStatic(elf: Elf): void {
  assert.equal(elf.type, ET_EXEC, "not at fixed addresses");
  const unwanted = [SegmentType.INTERPRETER, SegmentType.DYNAMIC, SegmentType.RELRO];
  for (const type of unwanted) assert.equal(ofType(elf, type).length, 0, `a segment of type ${type}`);
}

/** Data, what runs always, what a look runs too, what runs once, and texts; the entry lies in the second. */
function assertApart(elf: Elf): void {
  const loaded = ofType(elf, SegmentType.LOAD);
  assert.deepEqual(loaded.map(rights), ["rw-", "r-x", "r-x", "r-x", "r--"]);
  assert.deepEqual(ofType(elf, SegmentType.STACK).map(rights), ["rw-"], "the stack");
  for (const each of elf.segments) assert.ok(!(each.writable && each.executable), "written and executed");
  const holder = loaded.find(
    ({ address, memorySize }) => elf.entry >= address && elf.entry < address + memorySize,
  );
  assert.equal(holder, loaded[1], "the entry");
}

/** On the largest pages that its kernels have, no page belongs to two segments. */
function assertPages(elf: Elf, { pageBytesMax }: Architecture): void {
  const pageOf = (address: number): number => Math.floor(address / pageBytesMax);
  let last = -1;
  for (const { address, offset, memorySize, align } of ofType(elf, SegmentType.LOAD)) {
    assert.equal(align, pageBytesMax, "the alignment");
    assert.equal(address % pageBytesMax, offset % pageBytesMax, "the place in the page");
    assert.ok(pageOf(address) > last, "a page of two segments");
    last = pageOf(address + memorySize - 1);
  }
}

function assertProperty(elf: Elf): void {
  const [property, ...more] = ofType(elf, SegmentType.PROPERTY);
  assert.ok(property !== undefined && more.length === 0, "no mark of protected branches");
  const note = elf.bytes.subarray(property.offset, property.offset + property.fileSize);
  assert.equal(note.toString("hex"), PROPERTY);
}

function ofType(elf: Elf, type: number): Segment[] {
  return elf.segments.filter((segment) => segment.type === type);
}

function rights({ readable, writable, executable }: Segment): string {
  return `${readable ? "r" : "-"}${writable ? "w" : "-"}${executable ? "x" : "-"}`;
}

/** Pages of 4 KiB that are there while the container lives: what is written, and the code of the loop. */
export function pagesInUse(elf: Elf): { own: number; resident: number } {
  const [data, warm] = ofType(elf, SegmentType.LOAD);
  assert.ok(data !== undefined && warm !== undefined);
  const PAGE = 4096;
  const pages = (segment: Segment, bytes: number): number =>
    Math.floor((segment.address + bytes - 1) / PAGE) - Math.floor(segment.address / PAGE) + 1;
  // Of the core's memory its first 4 KiB, behind native's own data; the stack takes three pages at the most.
  const own = pages(data, data.memorySize - 65536 + 4096) + 3;
  return { own, resident: own + pages(warm, warm.fileSize) };
}
