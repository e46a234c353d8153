/* The only file that asks what time it is. Everyone else is told. */
#ifndef CLOCK_H
#define CLOCK_H

#include "base.h"

enum { CLOCK_TEXT_SIZE = 32 };

/* Milliseconds that never go back; comparable within this process only. */
int64_t clock_ms(void); /* CLOCK_MONOTONIC */
int64_t clock_us(void);

/* Milliseconds since 1970. */
int64_t clock_wall_ms(void);

/* "2026-11-23T12:00:00Z", and with six decimals as Kubernetes' MicroTime wants it. */
void clock_rfc3339(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE]);
void clock_rfc3339_micro(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE]);

/* An unpredictable number, for jitter and names. */
uint32_t random_u32(void);

#endif
