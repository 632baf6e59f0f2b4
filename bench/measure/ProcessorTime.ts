/** The processor time of another process. It says what a request costs when the load generator takes a core of its own. */
import { readdirSync, readFileSync } from "node:fs"

/** What all threads of a process have spent, in microseconds; undefined on a system other than Linux. */
export const microsOf = (pid: number): number | undefined => {
  const tasks = `/proc/${pid}/task`
  try {
    return readdirSync(tasks)
      .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]) / 1_000)
      .reduce((sum, micros) => sum + micros, 0)
  } catch {
    return undefined
  }
}
