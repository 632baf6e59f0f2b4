/**
 * Sorts the test files into the projects of vitest.config.ts by what they import, directly or through other modules:
 *
 * - `processes`: starts a child process that runs a program of this repository
 * - `server`: uses a Redis server
 * - `unit`: needs nothing but this process
 *
 * Under Node there is one project, `node`, of the files of `unit` and `server` that reach nothing of Bun's.
 *
 * A contract suite, which calls `onEveryLayer`, belongs to three projects: `unit` runs it on the memory layer, `server` on a
 * server, `cluster` on a cluster. `bun test/support/projects.ts` lists the files that use a server, for a run against another one,
 * and `bun test/support/projects.ts drivers` those that show what a driver promises.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { root } from "./root.js"

export type Project = "unit" | "server" | "cluster" | "processes"

const contractLayers = "test/support/server/clientLayers.ts"
const server = "test/support/server/RedisServer.ts"
/** These start programs that are not of this repository. */
const startsForeignPrograms = [
  "test/support/server/ServerProcess.ts",
  "test/support/server/Certificates.ts",
  "test/support/server/SkewedClock.ts"
]

interface Module {
  /** what is only in Bun, in this module */
  readonly needsBun: boolean
  /** the modules of this repository */
  readonly imports: ReadonlyArray<string>
  readonly startsProcess: boolean
  /** uses the server of `clientLayers.ts`, which also has the memory layer */
  readonly onServer: boolean
  readonly onEveryLayer: boolean
}

const modules = new Map<string, Module>()

const moduleAt = (path: string): Module => {
  const known = modules.get(path)
  if (known !== undefined) return known
  const text = readFileSync(join(root, path), "utf8")
  const imports = [...text.matchAll(/(?:from|import) "(\.[^"]+)\.js"/g)]
    .map((match) => relative(root, join(root, dirname(path), `${match[1]}.ts`)))
    .filter((imported) => existsSync(join(root, imported)))
  const startsProcess = /node:child_process|Bun\.spawn\(/.test(text) && !startsForeignPrograms.includes(path)
  const fromLayers = /import \{([^}]*)\} from "[^"]*\/clientLayers\.js"/.exec(text)?.[1] ?? ""
  const module: Module = {
    // Node 20 has no SQLite
    needsBun: /\bBun\.[a-zA-Z]|from "(bun\b|node:sqlite"|@effect\/(platform-bun|sql-sqlite-bun))/.test(text),
    imports,
    startsProcess,
    onServer: /\b(onServer|connected)\b/.test(fromLayers),
    onEveryLayer: /\bonEveryLayer\b/.test(fromLayers)
  }
  modules.set(path, module)
  return module
}

/** The modules of test/ that a module reaches. What `clientLayers.ts` imports counts only where a module uses its server. */
const reachableFrom = (path: string): ReadonlyMap<string, Module> => {
  const reached = new Map<string, Module>()
  const visit = (at: string): void => {
    if (reached.has(at)) return
    const module = moduleAt(at)
    reached.set(at, module)
    if (at !== contractLayers) module.imports.filter((imported) => imported.startsWith("test/")).forEach(visit)
  }
  visit(path)
  return reached
}

const projectsOf = (path: string): ReadonlyArray<Project> => {
  const reached = reachableFrom(path)
  const uses = (what: "startsProcess" | "onServer" | "onEveryLayer") => [...reached.values()].some((at) => at[what])
  if (uses("startsProcess")) return ["processes"]
  if (reached.has(server) || uses("onServer")) return ["server"]
  return uses("onEveryLayer") ? ["unit", "server", "cluster"] : ["unit"]
}

const needsBun = (path: string, seen = new Set<string>()): boolean => {
  if (seen.has(path)) return false
  seen.add(path)
  const module = moduleAt(path)
  return module.needsBun || module.imports.some((imported) => needsBun(imported, seen))
}

const usesServer = (path: string): boolean => projectsOf(path).includes("server") || reachableFrom(path).has(server)

const testFiles: ReadonlyArray<string> = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".test.ts"))
  .map((path) => join("test", path))
  .sort()

/** The test files of a project, as paths from the root of the repository. */
export const filesOf = (project: Project): ReadonlyArray<string> =>
  testFiles.filter((path) => projectsOf(path).includes(project))

/** The test files that run under Node. Examples are programs for Bun. */
export const filesOfNode = (): ReadonlyArray<string> =>
  testFiles.filter(
    (path) => !projectsOf(path).includes("processes") && !path.startsWith("test/examples/") && !needsBun(path)
  )

/** The files that show what a driver promises: the contract suites, and the tests of drivers. */
const isOfDrivers = (path: string): boolean =>
  projectsOf(path).includes("cluster") || path.startsWith("test/redis/driver/")

if (import.meta.main) {
  const listed = process.argv[2] === "drivers" ? isOfDrivers : usesServer
  process.stdout.write(`${testFiles.filter(listed).join("\n")}\n`)
}
