// All randomness of a life comes from one number.

export { Random } from "../lab/fuzz/random.ts";

/** A number from 0 to 2^31 - 1 that depends on nothing but these two: the dice of one moment. */
export function randomAt(seed: number, moment: number): number {
  let value = (seed ^ Math.imul(moment + 1, 0x9e3779b9)) | 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) & 0x7fffffff;
}
