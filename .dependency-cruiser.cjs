/**
 * The house has floors, and a module imports from its own room and from below. `docs/architecture.md` says what each room
 * holds. One rule per wall.
 */

/** Each entry is a floor; rooms of one floor do not know each other. */
const floors = [
  ["internal"],
  ["redis"],
  ["cache", "coordination"],
  ["game", "settings", "testing", "telemetry"],
  ["http"],
  ["cli"],
  [
    "index.ts",
    "driver.ts",
    "testing.ts",
    "http.ts",
    "http-cache.ts",
    "game.ts",
    "telemetry.ts",
    "main.ts",
    "serve.ts",
    "cli.ts"
  ]
]

/** The rooms of src/internal know neither each other nor the modules beside them. */
const internalRooms = [["collection", "effect", "input", "schema"]]

/** The rooms of src/cache, from below: each imports from those before it, and only the modules beside the rooms from all. */
const cacheRooms = [
  ["entry"],
  ["scripts"],
  ["invalidation"],
  ["observe"],
  ["tiers"],
  ["lookup"],
  ["load"],
  ["read", "write"]
]

/** What watches outages knows neither markers nor messages, which are built on it. */
const invalidationRooms = [["outage"]]

/** The rooms of src/redis stand on the modules beside them. A topology takes any driver, and the drivers' layers stand on all. */
const redisRooms = [["prefix"], ["connection", "memory"], ["topology"], ["driver"]]

/** The store knows no command. */
const memoryRooms = [["store"], ["commands"]]

/** The commands of src/cli stand on its frame, and do not know each other. `EffectCache.ts` puts them together. */
const cliRooms = [["frame"], ["doctor", "caches", "coordination", "warm", "live"]]

/** The rooms of src/http/cache, from below: pure rules, what is stored, the answer to one request, the message of a server. */
const httpCacheRooms = [["rules"], ["store"], ["exchange"], ["server", "client"]]

/** What reads header fields, and is pure: the cache of responses and the limits of remote APIs share it. */
const headerFields = "cache/rules/(HttpDate|FieldList)\\.ts$"

/** The rooms of bench, from below: what measures knows nothing of what is measured. */
const benchRooms = [
  ["measure", "run"],
  ["subjects"],
  ["peers", "report"],
  ["workloads"],
  ["programs"],
  ["Gate.ts", "thresholds.ts", "main.ts"]
]

/** Workloads of one kind do not know those of another. */
const workloadRooms = [["reads", "writes", "mixes", "lookups", "scaling", "coordination", "processes"], ["index.ts"]]

const pathOf = (folder, room) => (room.includes(".") ? `${folder}/${room.replace(".", "\\.")}$` : `${folder}/${room}/`)

/** The rules that keep each room of a building from those above it and beside it. */
const walls = (folder, floors) =>
  floors.slice(0, -1).flatMap((rooms, floor) =>
    rooms.map((room) => ({
      name: `${folder}/${room}: imports only from below`,
      severity: "error",
      from: { path: `^${pathOf(folder, room)}` },
      to: {
        path: floors
          .slice(floor)
          .flat()
          .filter((other) => other !== room)
          .map((other) => `^${pathOf(folder, other)}`)
      }
    }))
  )

/** Keeps the rooms of a building from what stands beside them, on their roof. */
const roof = (folder, rooms) => ({
  name: `${folder}: its rooms do not import what is built of them`,
  severity: "error",
  from: { path: `^${folder}/(${rooms.flat().join("|")})/` },
  to: { path: `^${folder}/[^/]+\\.ts$` }
})

/** Keeps the ground of a building from its rooms. */
const ground = (folder, rooms) => ({
  name: `${folder}: what its rooms stand on does not import them`,
  severity: "error",
  from: { path: `^${folder}/[^/]+\\.ts$` },
  to: { path: `^${folder}/(${rooms.flat().join("|")})/` }
})

module.exports = {
  forbidden: [
    { name: "no import circle", severity: "error", from: {}, to: { circular: true } },
    ...walls("src", floors),
    {
      name: "the library does not know its benchmarks, tests and examples",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(bench|test|examples|scripts)/" }
    },
    ...walls("bench", benchRooms),
    ...walls("bench/workloads", workloadRooms),
    ...walls("src/internal", [...internalRooms, []]),
    roof("src/internal", internalRooms),
    ...walls("src/cache", cacheRooms),
    roof("src/cache", cacheRooms),
    roof("src/cache/invalidation", invalidationRooms),
    ...walls("src/cli", [...cliRooms, []]),
    roof("src/cli", cliRooms),
    {
      name: "src/cli: only the program of the command imports it",
      comment: "it is bundled for itself, with packages that users of the library do not install",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli(/|\\.ts$)" },
      to: { path: "^src/cli(/|\\.ts$)" }
    },
    ...walls("src/redis", redisRooms),
    ground("src/redis", redisRooms),
    {
      name: "src/redis/commands: imports only what commands are made of",
      comment: "errors, scripts and the types of replies",
      severity: "error",
      from: { path: "^src/redis/commands/" },
      to: {
        path: "^src/redis/",
        pathNot: "^src/redis/(commands/|(RedisConnection|RedisError|RedisScript)\\.ts$)"
      }
    },
    {
      name: "src/redis/commands: only what sends or models commands imports it",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: "^src/redis/(commands/|memory/|prefix/|topology/|(RedisCommands|RedisExecutor)\\.ts$)"
      },
      to: { path: "^src/redis/commands/" }
    },
    {
      name: "src/redis/topology: knows no keyspace in memory",
      severity: "error",
      from: { path: "^src/redis/topology/" },
      to: { path: "^src/redis/memory/" }
    },
    ...walls("src/redis/memory", memoryRooms),
    roof("src/redis/memory", memoryRooms),
    {
      name: "internal and redis need effect and nothing else",
      comment: "SecretConfig reads the files that hold secrets; a driver imports the client that it drives",
      severity: "error",
      from: { path: "^src/(internal|redis)/", pathNot: "^src/(redis/driver/|internal/input/SecretConfig\\.ts$)" },
      to: { pathNot: "^(src/(internal|redis)/|node_modules/effect/)" }
    },
    {
      name: "the entry points . and /driver and /testing need effect and nothing else",
      comment: "@effect/platform and the runtimes are optional peers",
      severity: "error",
      from: { path: "^src/(index|driver|testing)\\.ts$" },
      to: {
        reachable: true,
        path: "(BunRedis|SocketRedis|IoRedis|SqlDatabase)\\.ts$|^src/(game|http|telemetry)/|@effect/(platform|sql|opentelemetry)|@opentelemetry/"
      }
    },
    {
      name: "the entry points /http, /http-cache and /game need no runtime",
      comment: "A router of @effect/platform runs on Bun and on Node; SQL has the entry point /game/SqlDatabase",
      severity: "error",
      from: { path: "^src/(http|http-cache|game)\\.ts$" },
      to: { reachable: true, path: "(BunRedis|SocketRedis|IoRedis|SqlDatabase)\\.ts$|@effect/(platform-bun|sql)" }
    },
    {
      name: "the entry point /http does not need the example domain and its API",
      severity: "error",
      from: { path: "^src/http\\.ts$" },
      to: { reachable: true, path: `^src/(game|telemetry|http/(?!(router|dashboard|client)/|${headerFields}))` }
    },
    {
      name: "the entry point /http-cache needs nothing else of the HTTP server",
      severity: "error",
      from: { path: "^src/http-cache\\.ts$" },
      to: { reachable: true, path: "^src/(game|telemetry|http/(?!cache/))" }
    },
    {
      name: "the program of the server answers --help before it loads the server",
      severity: "error",
      from: { path: "^src/main\\.ts$" },
      to: {
        pathNot: "^src/(http/server/Usage|internal/ProgramArguments)\\.ts$",
        dependencyTypesNot: ["dynamic-import"]
      }
    },
    {
      name: "what answers --help of the server imports nothing else",
      severity: "error",
      from: { path: "^src/(http/server/Usage|internal/ProgramArguments|internal/Version)\\.ts$" },
      to: { pathNot: "^src/internal/Version\\.ts$" }
    },
    {
      name: "src/http/cache: only /http-cache imports it",
      comment: "a program that serves a router with /http does not bundle the cache of its responses",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(http/cache/|http-cache\\.ts$)" },
      to: { path: "^src/http/cache/", pathNot: `^src/http/${headerFields}` }
    },
    ...walls("src/http/cache", httpCacheRooms),
    roof("src/http/cache", httpCacheRooms),
    {
      name: "src/http/cache/rules: pure",
      comment: "the rules of RFC 9111 know neither effects nor the platform",
      severity: "error",
      from: { path: "^src/http/cache/rules/" },
      to: { pathNot: "^src/http/cache/rules/" }
    }
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "default"]
    }
  }
}
