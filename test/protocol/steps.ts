/** The steps that are possible: those that advance what has begun, and faults. */
import type { Fault } from "./scenario.js"
import type { World } from "./world.js"

export interface Action {
  readonly name: () => string
  readonly weight: number
  /** the task or subscription that this step continues */
  readonly thread: object | undefined
  readonly run: () => void
}

/** A marker is evicted this many ticks after its last move: creation times are no longer ahead of the clock. */
const evictionAge = 10

/** Steps that advance what has begun. */
export const progress = (world: World): ReadonlyArray<Action> => {
  const actions: Array<Action> = []
  const add = (thread: object | undefined, weight: number, name: () => string, run: () => void) =>
    actions.push({ name, weight, thread, run })
  const { server } = world
  for (const task of world.tasks) {
    const { wait } = task
    if (wait?.ready() === true)
      add(
        task,
        10,
        () => `${task.name} continues after: ${wait.what}`,
        () => world.resume(task)
      )
  }
  for (const process of world.processes) {
    if (!process.alive) continue
    const { connection, subscription, id } = process
    const [sent] = connection?.sent ?? []
    if (connection !== undefined && sent !== undefined && server.running) {
      add(
        sent.sender,
        10,
        () => `the server runs ${sent.name} of process ${id}`,
        () => {
          connection.sent.shift()
          sent.apply(server)
          connection.answered.push(sent)
        }
      )
    }
    const [answered] = connection?.answered ?? []
    if (connection !== undefined && answered !== undefined) {
      add(
        answered.sender,
        10,
        () => `process ${id} gets the reply to ${answered.name}`,
        () => {
          connection.answered.shift()
          answered.deliver()
        }
      )
    }
    if (process.isCircuitOpen)
      add(
        process,
        4,
        () => `process ${id} closes its circuit`,
        () => {
          process.isCircuitOpen = false
        }
      )
    if (connection === undefined && server.running)
      add(
        process,
        6,
        () => `process ${id} reconnects`,
        () => world.reconnect(process)
      )
    const [event] = subscription.inbox
    if (event !== undefined) {
      const what = event._tag === "Gap" ? "a gap" : `a message (${event.message._tag})`
      add(
        subscription,
        6,
        () => `process ${id} hears ${what}`,
        () => {
          subscription.inbox.shift()
          subscription.heard = event.number
          if (event._tag === "Gap") process.hearGap()
          else process.hear(event.message)
        }
      )
    }
    if (!subscription.connected && server.running) {
      add(
        subscription,
        3,
        () => `process ${id} subscribes again`,
        () => subscription.resubscribe()
      )
    }
    for (const sleep of process.sleepers) {
      if (sleep.awake || !world.rules.has("waitersPoll")) continue
      add(
        sleep,
        1,
        () => `process ${id} retries the lease of ${sleep.key}`,
        () => {
          sleep.awake = true
        }
      )
    }
  }
  const [late] = world.late
  if (late !== undefined && server.running) {
    add(
      late,
      3,
      () => `the server runs ${late.call.name} of process ${late.process.id}, late`,
      () => {
        world.late = world.late.slice(1)
        late.call.apply(server)
      }
    )
  }
  if (!server.running)
    add(
      server,
      4,
      () => "the server is back",
      () => world.startServer()
    )
  if (server.wrong !== undefined)
    add(
      server,
      4,
      () => "the server's clock is set right",
      () => server.setRight()
    )
  const operation = world.operations[world.started]
  if (operation !== undefined) {
    add(
      undefined,
      8,
      () => `process ${operation.process}: ${operation.what} ${operation.key} is called`,
      () => {
        world.started++
        world.start(operation)
      }
    )
  }
  return actions
}

/** Faults, each as often as the scenario allows. */
export const faults = (world: World): ReadonlyArray<Action> => {
  const actions: Array<Action> = []
  const { server, promises } = world
  const add = (fault: Fault, detail: string, run: () => void) => {
    const left = world.faultsLeft.get(fault) ?? 0
    if (left === 0) return
    const name = () => `${fault}: ${detail}`
    const runAndCount = () => {
      world.faultsLeft.set(fault, left - 1)
      run()
    }
    actions.push({ name, weight: 2, thread: undefined, run: runAndCount })
  }
  if (world.ticks < 8) {
    const passTime = () => {
      world.ticks++
      world.tick()
    }
    actions.push({ name: () => "time passes", weight: 2, thread: undefined, run: passTime })
  }
  for (const process of world.processes) {
    if (!process.alive) continue
    const who = `process ${process.id}`
    const { connection } = process
    if (connection !== undefined) {
      add("break", who, () => world.disconnect(process, false))
      add("breakLate", who, () => world.disconnect(process, true))
      if (!process.isCircuitOpen)
        add("openCircuit", who, () => {
          promises.calm = false
          process.isCircuitOpen = true
        })
      for (const call of connection.sent) {
        add("refuse", `${who} ${call.name}`, () => {
          promises.calm = false
          connection.refuse(call)
        })
        add("resend", `${who} ${call.name}`, () => connection.resend(call))
      }
      for (const call of [...connection.sent, ...connection.answered]) {
        if (!call.pending()) continue
        add("timeout", `${who} ${call.name}`, () => {
          promises.calm = false
          call.giveUp()
        })
      }
    }
    if (process.subscription.connected) add("busBreak", who, () => process.subscription.end())
    if (world.processes.filter((other) => other.alive).length > 1) add("crash", who, () => world.crash(process))
  }
  for (const task of world.tasks) {
    if (task.kind !== "own" && !task.isStopped) add("interrupt", task.name, () => world.stop(task))
  }
  if (server.running) {
    add("stop", "server, which keeps what it has", () => world.stopServer(true))
    add("restart", "server", () => {
      world.stopServer(false)
      server.restore()
    })
  }
  for (const [key, entry] of server.state.values) {
    add("expireValue", key, () => server.state.values.delete(key))
    if (!entry.stale) {
      add("age", key, () => {
        entry.stale = true
      })
    }
  }
  for (const [key, token] of server.state.leases) {
    if (world.mayExpire(token)) add("expireLease", key, () => server.state.leases.delete(key))
  }
  for (const marker of server.state.markers.keys()) {
    add("evictMarker", marker, () => {
      for (let ticks = 0; ticks < evictionAge; ticks++) world.tick()
      server.state.markers.delete(marker)
    })
  }
  if (server.wrong === undefined) {
    add("wrongTime", "server", () => server.goWrong("time"))
    add("wrongClock", "server", () => server.goWrong("clock"))
  }
  if (server.lagging === undefined) add("lag", "server", () => server.lag())
  add("setClockBack", "server", () => {
    server.clock -= 5
  })
  for (const lookup of promises.lookups) {
    if (lookup.hangs) continue
    const who = `lookup of ${lookup.key} in process ${lookup.process.id}`
    add("lookupFails", who, () => {
      lookup.fails = true
    })
    add("lookupHangs", who, () => {
      lookup.hangs = true
    })
  }
  return actions
}
