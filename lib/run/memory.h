/* The memory that this process keeps resident. */
#ifndef MEMORY_H
#define MEMORY_H

/* Gives back what is not needed at the moment: free heap, and the pages of the program and of its
 * libraries, which come back from the page cache as they are used. For after a burst of work, from
 * any thread: it costs less than a millisecond, and the next calls a few page faults. */
void memory_trim(void);

#endif
