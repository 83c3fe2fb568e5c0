// Holds a schema and the type that it describes equal: where they differ, the compiler says so.

/** The same with what may not be changed in place. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
export type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
