/*
 * What leaving a guest costs, seen from inside: no kernel module, no counter of the host.
 *
 *   exits TEST SAMPLES
 *
 * cpuid    one CPUID instruction: always intercepted under VMX (Intel SDM vol. 3, "Instructions
 *          That Cause VM Exits Unconditionally"), and by KVM under SVM
 * timer    how late a sleep of 50 us ends: programming the timer, going idle, the interrupt
 * wakeup   half a round trip between two threads on two CPUs, over pipes: the idle CPU is woken
 * fault-4k a page fault that only maps a page which is there already
 * touch-4k the first write to 4 KiB of fresh memory: the fault, the page, its zeroing
 * touch-2m the same for a transparent huge page of 2 MiB; the kernel may hand out one again that
 *          its own host has backed already
 *
 * Prints one line of JSON; nanoseconds by CLOCK_MONOTONIC of this very machine. What a machine has
 * not got is {"unavailable": "reason"} with status 0; any other trouble is a text on stderr and
 * status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SCHEMA 1
#define SLEEP_NS 50000
#define CPUID_BATCH 20 /* one alone is not far above what reading the clock costs */
#define SMALL 4096UL
#define HUGE (2UL << 20)
#define WARM_UP 16

struct series {
    double *ns;
    int wanted;
    int count;
    int batch;
};

static void die(const char *what)
{
    fprintf(stderr, "exits: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void unavailable(const char *reason)
{
    printf("{\"nestlab-exits\": %d, \"unavailable\": \"%s\"}\n", SCHEMA, reason);
    exit(0);
}

static int64_t now(void)
{
    struct timespec at;
    if (clock_gettime(CLOCK_MONOTONIC, &at))
        die("clock_gettime");
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void add(struct series *into, double ns)
{
    into->ns[into->count++] = ns;
}

/* The CPUs that this process may use; at most `limit` are written. Returns their number. */
static int cpus(int *into, int limit)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set))
        die("sched_getaffinity");
    for (int cpu = 0; cpu < CPU_SETSIZE && count < limit; cpu++)
        if (CPU_ISSET(cpu, &set))
            into[count++] = cpu;
    return count;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        die("sched_setaffinity");
}

static void cpuid(struct series *into)
{
#if defined(__x86_64__) || defined(__i386__)
    into->batch = CPUID_BATCH;
    for (int i = -WARM_UP; i < into->wanted; i++) {
        int64_t start = now();
        for (int n = 0; n < CPUID_BATCH; n++) {
            uint32_t a = 0, b, c = 0, d;
            __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
        }
        int64_t end = now();
        if (i >= 0)
            add(into, (double)(end - start) / CPUID_BATCH);
    }
#else
    (void)into;
    unavailable("CPUID is an instruction of x86 only");
#endif
}

static void timer(struct series *into)
{
    struct timespec pause = {0, SLEEP_NS};
    if (prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL)) /* 50 us by default */
        die("PR_SET_TIMERSLACK");
    for (int i = -WARM_UP; i < into->wanted; i++) {
        int64_t start = now();
        if ((errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL)))
            die("clock_nanosleep");
        int64_t end = now();
        if (i >= 0)
            add(into, (double)(end - start - SLEEP_NS));
    }
}

struct echo {
    int in, out, cpu, rounds;
};

static void one_byte(ssize_t done)
{
    if (done != 1)
        die("pipe");
}

static void *echo(void *given)
{
    struct echo *self = given;
    char byte;
    pin(self->cpu);
    for (int i = 0; i < self->rounds; i++) {
        one_byte(read(self->in, &byte, 1));
        one_byte(write(self->out, &byte, 1));
    }
    return NULL;
}

static void wakeup(struct series *into)
{
    int there[2], back[2], found[2];
    char byte = 'x';
    pthread_t other;
    if (cpus(found, 2) < 2)
        unavailable("a wake-up of another CPU needs two of them");
    if (pipe(there) || pipe(back))
        die("pipe");
    struct echo self = {there[0], back[1], found[1], into->wanted + WARM_UP};
    if ((errno = pthread_create(&other, NULL, echo, &self)))
        die("pthread_create");
    pin(found[0]);
    for (int i = -WARM_UP; i < into->wanted; i++) {
        int64_t start = now();
        one_byte(write(there[1], &byte, 1));
        one_byte(read(back[0], &byte, 1));
        int64_t end = now();
        if (i >= 0)
            add(into, (double)(end - start) / 2);
    }
    if ((errno = pthread_join(other, NULL)))
        die("pthread_join");
}

static char *map(size_t size, int flags)
{
    char *found = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED)
        die("mmap");
    return found;
}

static double write_to(volatile char *at)
{
    int64_t start = now();
    *at = 1;
    return (double)(now() - start);
}

static void fault_small(struct series *into)
{
    size_t size = (size_t)into->wanted * SMALL;
    char *memory = map(size, MAP_SHARED); /* its pages outlive their mapping */
    memset(memory, 1, size);
    if (madvise(memory, size, MADV_DONTNEED))
        die("MADV_DONTNEED");
    for (int i = 0; i < into->wanted; i++)
        add(into, write_to(memory + (size_t)i * SMALL));
}

static void touch_small(struct series *into)
{
    size_t size = (size_t)into->wanted * SMALL;
    char *memory = map(size, MAP_PRIVATE);
    if (madvise(memory, size, MADV_NOHUGEPAGE) && errno != EINVAL) /* EINVAL: has none anyway */
        die("MADV_NOHUGEPAGE");
    for (int i = 0; i < into->wanted; i++)
        add(into, write_to(memory + (size_t)i * SMALL));
}

static long faults(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage))
        die("getrusage");
    return usage.ru_minflt;
}

static void touch_huge(struct series *into)
{
    size_t size = ((size_t)into->wanted + 1) * HUGE;
    char *memory = map(size, MAP_PRIVATE | MAP_NORESERVE);
    char *first = (char *)(((uintptr_t)memory + HUGE - 1) & ~(HUGE - 1));
    if (madvise(memory, size, MADV_HUGEPAGE))
        unavailable("the kernel has no transparent huge pages");
    for (int i = 0; i < into->wanted; i++) {
        char *page = first + (size_t)i * HUGE;
        double ns = write_to(page);
        long before = faults();
        page[HUGE / 2] = 1;
        if (faults() != before) /* that part was not mapped: the page is a small one */
            unavailable("the kernel gave no transparent huge page, see "
                        "/sys/kernel/mm/transparent_hugepage/enabled");
        add(into, ns);
        if (madvise(page, HUGE, MADV_DONTNEED)) /* not all of them at once */
            die("MADV_DONTNEED");
    }
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The smallest sample that at least `share` percent of all do not exceed (nearest rank). */
static double percentile(const struct series *of, int share)
{
    long rank = ((long)of->count * share + 99) / 100;
    return of->ns[rank - 1];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct series *);
    } tests[] = {
        {"cpuid", cpuid},          {"timer", timer},          {"wakeup", wakeup},
        {"fault-4k", fault_small}, {"touch-4k", touch_small}, {"touch-2m", touch_huge},
    };
    struct series found = {NULL, argc == 3 ? atoi(argv[2]) : 0, 0, 1};
    if (found.wanted < 1 || found.wanted > 1000000) {
        fprintf(stderr, "usage: exits TEST SAMPLES (1 to 1000000)\n");
        return 2;
    }
    found.ns = calloc((size_t)found.wanted, sizeof *found.ns);
    if (!found.ns)
        die("calloc");
    memset(found.ns, 0, (size_t)found.wanted * sizeof *found.ns);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (strcmp(tests[i].name, argv[1]))
            continue;
        double sum = 0;
        int64_t start = now();
        tests[i].run(&found);
        int64_t elapsed = now() - start;
        for (int n = 0; n < found.count; n++)
            sum += found.ns[n];
        qsort(found.ns, (size_t)found.count, sizeof *found.ns, ascending);
        printf("{\"nestlab-exits\": %d, \"test\": \"%s\", \"samples\": %d, \"batch\": %d, "
               "\"elapsed_ns\": %lld, \"ns\": {\"mean\": %.1f, \"p50\": %.1f, \"p90\": %.1f, "
               "\"p99\": %.1f, \"max\": %.1f}}\n",
               SCHEMA, tests[i].name, found.count, found.batch, (long long)elapsed,
               sum / found.count, percentile(&found, 50), percentile(&found, 90),
               percentile(&found, 99), found.ns[found.count - 1]);
        return 0;
    }
    fprintf(stderr, "exits: there is no test %s\n", argv[1]);
    return 2;
}
