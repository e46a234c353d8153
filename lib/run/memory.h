/* The memory that this process keeps resident. */
#ifndef MEMORY_H
#define MEMORY_H

/* Has free() give large blocks back at once, and a heap its end, whatever sizes were seen before.
 * At the start of a program whose memory matters more than the page faults that this costs. */
void memory_hold_little(void);

/* Gives back what is not needed at the moment: free heap, and the pages of the program and of its
 * libraries, which come back from the page cache as they are used. For after a burst of work, from
 * any thread: it costs less than a millisecond, and what runs next some seventy page faults. */
void memory_trim(void);

#endif
