import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { root } from "../support/root.js"

const read = (name: string) => readFileSync(join(root, name), "utf8")

const Service = Schema.Struct({
  image: Schema.optional(Schema.String),
  entrypoint: Schema.optional(Schema.Array(Schema.String)),
  networks: Schema.Unknown,
  environment: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.NullOr(Schema.String) })),
  secrets: Schema.Array(Schema.String),
  ports: Schema.optional(Schema.Array(Schema.String)),
  read_only: Schema.Boolean,
  tmpfs: Schema.Array(Schema.String),
  cap_drop: Schema.Array(Schema.String),
  security_opt: Schema.Array(Schema.String),
  mem_limit: Schema.String,
  pids_limit: Schema.Int
})
const Compose = Schema.Struct({ services: Schema.Record({ key: Schema.String, value: Service }) })

const servicesOf = (file: string) => Schema.decodeUnknownSync(Compose)(Bun.YAML.parse(read(file))).services
const services = servicesOf("docker-compose.yml")
const valkey = servicesOf("docker-compose.valkey.yml")
const sentinel = servicesOf("docker-compose.sentinel.yml")
const cluster = servicesOf("docker-compose.cluster.yml")
const everyService = [services, valkey, sentinel, cluster].flatMap((file) => Object.entries(file))
const digest = /@sha256:[0-9a-f]{64}$/

describe("the containers", () => {
  it("run images by digest", () => {
    const images = [
      ...Object.values(services).flatMap(({ image }) => (image === undefined ? [] : [image])),
      ...[...read("Dockerfile").matchAll(/^FROM (\S+)/gm)].map((match) => match[1] ?? "")
    ]
    expect(images.length).toBe(3)
    expect(images.filter((image) => !digest.test(image))).toEqual([])
  })

  it("have the files that modules of the server read beside its bundle", () => {
    const folders = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) =>
        [...read(join("src", path)).matchAll(/new URL\([`"]\.\/(\w+)\/[^`"]*[`"], import\.meta\.url\)/g)].map(
          ([, folder = ""]) => `COPY --from=build /app/src/${dirname(path)}/${folder} ./${folder}\n`
        )
      )
    expect(folders.length).toBeGreaterThan(0)
    expect(folders.filter((copied) => !read("Dockerfile").includes(copied))).toEqual([])
  })

  it.each(everyService)("give %s no more than it needs", (_name, service) => {
    expect(service).toMatchObject({ read_only: true, tmpfs: ["/tmp"], cap_drop: ["ALL"] })
    expect(service.security_opt).toEqual(["no-new-privileges:true"])
    expect(service.pids_limit).toBeLessThanOrEqual(256)
    // published, if at all, to this machine alone
    expect((service.ports ?? []).filter((port) => !port.includes(":-127.0.0.1:"))).toEqual([])
  })

  it("take secrets from files and never from variables, which process lists and crash reports show", () => {
    const variables = everyService.flatMap(([, { environment = {} }]) => Object.entries(environment))
    const secrets = variables.filter(([name]) => /PASSWORD|TOKEN|SECRET/.test(name))
    expect(secrets.length).toBe(9)
    expect(secrets.filter(([name, value]) => !name.endsWith("_FILE") || !value?.startsWith("/run/secrets/"))).toEqual(
      []
    )
  })

  it("behind sentinels are three servers and three sentinels of one image, and an application that names the sentinels", () => {
    const { app, ...others } = sentinel
    expect(Object.keys(others)).toEqual(["redis", "sentinel"].flatMap((name) => [1, 2, 3].map((i) => `${name}-${i}`)))
    expect(new Set(Object.values(others).map(({ image }) => image)).size).toBe(1)
    const named = [1, 2, 3].map((i) => `sentinel-${i}:26379`).join(",")
    expect(app?.environment).toMatchObject({ REDIS_SENTINELS: named, REDIS_SENTINEL_MASTER: "mymaster" })
  })

  it("of a cluster are six servers, with as many addresses, and an application that names three of them", () => {
    const { app, cluster: creation, ...servers } = cluster
    expect(Object.keys(servers)).toEqual([1, 2, 3, 4, 5, 6].map((i) => `redis-${i}`))
    const named = [1, 2, 3].map((i) => `redis-${i}:6379`).join(",")
    expect(app?.environment).toMatchObject({ REDIS_CLUSTER_NODES: named })
    const addresses = Object.values(servers).map(({ networks }) => JSON.stringify(networks))
    const given = addresses.map((text) => /"ipv4_address":"([\d.]+)"/.exec(text)?.[1] ?? text)
    expect(new Set(given).size).toBe(6)
    const command = creation?.entrypoint?.join(" ") ?? ""
    expect([...command.matchAll(/([\d.]+):6379/g)].map(([, address]) => address)).toEqual(given)
    expect(command).toContain("--cluster-replicas 1")
  })

  it("with Valkey alone are one server and an application that names it", () => {
    expect(Object.keys(valkey)).toEqual(["valkey", "app"])
    expect(valkey.app?.environment).toMatchObject({ REDIS_HOST: "valkey" })
  })

  it("run the Bun that the tests run with", () => {
    const { devDependencies } = Schema.decodeUnknownSync(
      Schema.parseJson(Schema.Struct({ devDependencies: Schema.Struct({ bun: Schema.String }) }))
    )(read("package.json"))
    const bun = devDependencies.bun.replace("~", "")
    expect(read("README.md")).toContain(`npx -y bun@${bun} install`)
    expect(read("Dockerfile")).toContain("COPY --from=build /app/node_modules/bun/bin/bun.exe /usr/local/bin/bun")
  })
})
