/* What wasm2c's output needs to know about its host: one fixed memory, and wasm_rt_trap for a trap.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define wasm_rt_memcpy __builtin_memcpy
#define wasm_rt_unreachable __builtin_unreachable

/* The order is that of Text.TrapMemory and its successors in texts/messages.ts. */
typedef enum {
  WASM_RT_TRAP_OOB,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_INVALID_CONVERSION
} wasm_rt_trap_t;

typedef enum {
  WASM_RT_I32,
  WASM_RT_I64,
  WASM_RT_F32,
  WASM_RT_F64
} wasm_rt_type_t;

/* The one memory. The build makes every access of the generated C name it and its size, which are
   constants, instead of reading both from this struct: the bounds checks stay, and are a third of
   the bytes. */
#define MEMORY_SIZE 65536
extern uint8_t memory[MEMORY_SIZE];
typedef struct {
  uint8_t *data;
  uint64_t size;
} wasm_rt_memory_t;

/* Tables are not used; the inline functions of the prelude only mention their types. */
typedef const char *wasm_rt_func_type_t;
typedef void (*wasm_rt_function_ptr_t)(void);
typedef wasm_rt_function_ptr_t wasm_rt_tailcallee_t;
typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t tailcallee;
  void *module_instance;
} wasm_rt_funcref_t;
typedef struct {
  wasm_rt_funcref_t *data;
  uint32_t max_size, size;
} wasm_rt_funcref_table_t;
typedef wasm_rt_funcref_t wasm_rt_externref_t;
typedef wasm_rt_funcref_table_t wasm_rt_externref_table_t;
static const wasm_rt_funcref_t wasm_rt_funcref_null_value;
static const wasm_rt_externref_t wasm_rt_externref_null_value;

_Noreturn void wasm_rt_trap(wasm_rt_trap_t);
void wasm_rt_allocate_memory(wasm_rt_memory_t *, uint64_t pages, uint64_t max, bool is64,
                             uint32_t page_size);
void wasm_rt_free_memory(wasm_rt_memory_t *);
static inline bool wasm_rt_is_initialized(void) {
  return true;
}
