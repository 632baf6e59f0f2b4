/**
 * Sets the clock of a server's process ahead or behind. `faketime` of Debian does not do it: Redis' allocator asks for the time
 * while that library starts, and both wait for each other.
 */
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ServerProcess from "./ServerProcess.js"

const source = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, id, now);
  const char *offset = getenv("CLOCK_OFFSET_SECONDS");
  if (!failed && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += atol(offset);
  return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now) *now = precise.tv_sec;
  return precise.tv_sec;
}
`

const isLinux = process.platform === "linux"

/** Why no clock can be set; undefined where one can. */
export const skipReason: string | undefined =
  isLinux && spawnSync("cc", ["--version"], { stdio: "ignore" }).status === 0
    ? undefined
    : "it needs Linux and a C compiler, `cc`"

/** The variables of a process whose clock is so many seconds ahead. The library that does it is removed with the scope. */
export const make: Effect.Effect<(aheadSeconds: number) => Readonly<Record<string, string>>, never, Scope.Scope> =
  Effect.map(ServerProcess.temporaryDirectory("skewed-clock-"), (directory) => {
    const [file, library] = [join(directory, "clock.c"), join(directory, "clock.so")]
    writeFileSync(file, source)
    const { status, stderr } = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, file])
    if (status !== 0) throw new Error(`cc has failed: ${stderr}`)
    return (aheadSeconds) => ({ LD_PRELOAD: library, CLOCK_OFFSET_SECONDS: `${aheadSeconds}` })
  })
