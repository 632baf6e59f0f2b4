/** Four floors (docs: README), each importing only from those below it; the two rooms on floor 2 do not know each other. */
const up = (floor, ...above) => ({
  name: `no-import-up-from-${floor}`,
  severity: "error",
  from: { path: `^src/${floor}/` },
  to: { path: `^src/(${[...above, "index", "main"].join("|")})(/|\\.ts$)` }
})

module.exports = {
  forbidden: [
    { name: "no-import-cycle", severity: "error", from: {}, to: { circular: true } },
    up("redis", "cache", "coordination", "game", "http"),
    up("cache", "coordination", "game", "http"),
    up("coordination", "cache", "game", "http"),
    up("game", "http"),
    up("http"),
    {
      name: "redis-imports-effect-only",
      comment:
        "redis/ imports nothing from outside its folder but effect; SecretConfig reads the files that hold secrets",
      severity: "error",
      from: { path: "^src/redis/", pathNot: "^src/redis/(driver/|SecretConfig\\.ts$)" },
      to: { pathNot: "^(src/redis/|node_modules/effect/)" }
    },
    {
      name: "only-driver-names-a-driver",
      severity: "error",
      from: { path: "^src/redis/", pathNot: "^src/redis/driver/" },
      to: { path: "^src/redis/driver/" }
    },
    {
      name: "face-needs-no-runtime",
      comment: "The package's face loads on any runtime: Bun, ioredis and SQL are subpaths of their own",
      severity: "error",
      from: { path: "^src/index\\.ts$" },
      to: { reachable: true, path: "(BunRedis|IoRedis|SqlDatabase)\\.ts$|@effect/(platform-bun|sql)" }
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
