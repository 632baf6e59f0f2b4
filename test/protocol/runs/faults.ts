/** The faults that are possible next. */
import type { Server } from "../servers/server.js"
import type { Node } from "../servers/topology.js"
import type { Fault } from "./scenario.js"
import type { Action } from "./steps.js"
import type { World } from "./world.js"

/** A marker is evicted this many ticks after its last move: creation times are no longer ahead of the clock. */
const evictionAge = 10

/** The most ticks of a run, apart from its end. */
const maxTicks = 8

/** By how much the clock of a replica, or of a server whose clock is set, differs. */
const clockStep = 5

type Add = (fault: Fault, detail: () => string, run: () => void) => void

/** Faults, each as often as the scenario allows. */
export const faults = (world: World): ReadonlyArray<Action> => {
  const actions: Array<Action> = []
  const add: Add = (fault, detail, run) => {
    const left = world.faultsLeft.get(fault) ?? 0
    if (left === 0) return
    const runAndCount = () => {
      world.faultsLeft.set(fault, left - 1)
      run()
    }
    actions.push({ name: () => `${fault}: ${detail()}`, weight: 2, thread: undefined, run: runAndCount })
  }
  if (world.ticks < (world.scenario.ticks ?? maxTicks)) {
    const passTime = () => {
      world.ticks++
      world.tick()
    }
    actions.push({ name: () => "time passes", weight: 2, thread: undefined, run: passTime })
  }
  addConnectionFaults(world, add)
  for (const task of world.tasks) {
    if (task.kind !== "own" && !task.isStopped)
      add(
        "interrupt",
        () => task.name,
        () => world.stop(task)
      )
  }
  const { nodes } = world.topology
  for (const node of nodes) addOutages(world, node, add)
  for (const { server } of nodes) addExpiry(world, server, add)
  for (const node of nodes) addClockFaults(world, node, add)
  for (const lookup of world.promises.lookups) {
    if (lookup.hangs) continue
    const who = () => `lookup of ${lookup.key} in process ${lookup.process.id}`
    add("lookupFails", who, () => {
      lookup.fails = true
    })
    add("lookupHangs", who, () => {
      lookup.hangs = true
    })
  }
  for (const node of nodes) addTopologyFaults(world, node, add)
  return actions
}

const addConnectionFaults = (world: World, add: Add): void => {
  const { promises } = world
  for (const process of world.processes) {
    if (!process.alive) continue
    const who = (): string => `process ${process.id}`
    for (const link of process.links) {
      const { connection, node } = link
      if (connection === undefined) continue
      const where = (): string => `${who()}${world.topology.isSeveral ? ` of node ${node.id}` : ""}`
      add("break", where, () => world.disconnect(process, link, false))
      add("breakLate", where, () => world.disconnect(process, link, true))
      if (!link.isCircuitOpen)
        add("openCircuit", where, () => {
          promises.calm = false
          link.isCircuitOpen = true
        })
      for (const call of connection.sent) {
        const what = (): string => `${who()} ${call.name}`
        add("reject", what, () => {
          promises.calm = false
          connection.reject(call)
        })
        add("resend", what, () => connection.resend(call))
      }
      for (const call of [...connection.sent, ...connection.answered]) {
        if (!call.pending()) continue
        add(
          "timeout",
          () => `${who()} ${call.name}`,
          () => {
            promises.calm = false
            call.giveUp()
          }
        )
      }
    }
    if (process.subscription.connected) add("busBreak", who, () => process.subscription.end())
    if (world.processes.filter((other) => other.alive).length > 1) add("crash", who, () => world.crash(process))
  }
}

const addOutages = (world: World, node: Node, add: Add): void => {
  const { server } = node
  if (!server.running) return
  const name = (): string => (world.topology.isSeveral ? `node ${node.id}` : "server")
  add(
    "stop",
    () => `${name()}, which keeps what it has`,
    () => world.stopServer(node, true)
  )
  add("restart", name, () => {
    world.stopServer(node, false)
    server.restore()
  })
}

const addExpiry = (world: World, server: Server, add: Add): void => {
  for (const [key, entry] of server.state.values) {
    const which = (): string => key
    add("expireValue", which, () => server.state.values.delete(key))
    if (!entry.stale) {
      add("age", which, () => {
        entry.stale = true
      })
    }
  }
  for (const [key, token] of server.state.leases) {
    const expire = () => server.state.leases.delete(key)
    if (world.mayExpire(key, token)) add("expireLease", () => key, expire)
  }
  for (const marker of server.state.markers.keys()) {
    add(
      "evictMarker",
      () => marker,
      () => {
        for (let ticks = 0; ticks < evictionAge; ticks++) world.tick()
        server.state.markers.delete(marker)
      }
    )
  }
}

const addClockFaults = (world: World, node: Node, add: Add): void => {
  const { server } = node
  const name = (): string => (world.topology.isSeveral ? `node ${node.id}` : "server")
  if (server.wrong === undefined) {
    add("wrongTime", name, () => server.goWrong("time"))
    add("wrongClock", name, () => server.goWrong("clock"))
  }
  if (server.lagging === undefined) add("lag", name, () => server.lag())
  const step = (by: number) => () => {
    server.clock += by
  }
  const hasMarkers = world.topology.owner("markers") === node
  if (hasMarkers) add("setClockBack", name, step(-clockStep))
  if (hasMarkers) add("stepMarkerClock", name, step(clockStep))
  else {
    add("stepEntryClock", () => `${name()}, forwards`, step(clockStep))
    add("stepEntryClock", () => `${name()}, back`, step(-clockStep))
  }
}

const addTopologyFaults = (world: World, node: Node, add: Add): void => {
  const { server } = node
  if (!server.running) return
  const { history } = server
  for (const [i, state] of history.entries()) {
    const lost = history.length - 1 - i
    const detail = (): string => `node ${node.id}, without its last ${lost} writes`
    add("failover", detail, () => world.failOver(node, state, 0))
    add("failoverBehind", detail, () => world.failOver(node, state, -clockStep))
    add("failoverAhead", detail, () => world.failOver(node, state, clockStep))
  }
  for (const process of world.processes) {
    const detail = (): string => `node ${node.id}, and process ${process.id} does not notice`
    add("split", detail, () => world.split(node, process))
  }
  for (const slot of world.topology.slotsOf(node)) {
    if (!world.mayMove(slot)) continue
    for (const to of world.topology.nodes) {
      if (to === node || !to.server.running) continue
      add(
        "move",
        () => `${slot} to node ${to.id}`,
        () => world.topology.move(slot, to)
      )
    }
  }
}
