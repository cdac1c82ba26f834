// The official bridge as it is deployed, but for the container: this one is a directory and processes of the server STUB.
import { Sandbox as Official } from "@cloudflare/sandbox";
import { bridge } from "@cloudflare/sandbox/bridge";

export { ContainerProxy } from "@cloudflare/sandbox";
export { WarmPool } from "@cloudflare/sandbox/bridge";

// What the platform gives a durable object as `ctx.container`.
class Container {
  constructor(id, stub) {
    this.running = false;
    this.address = `http://stub/${id}`;
    this.stub = stub;
  }

  start() {
    this.running = true;
    this.started = this.stub.fetch(`${this.address}/start`, { method: "POST" });
    this.ended = this.started
      .then(() => this.stub.fetch(`${this.address}/wait`))
      .then((response) => response.text())
      .catch(() => {})
      .then(() => {
        this.running = false;
      });
  }

  monitor() {
    return this.ended;
  }

  async destroy() {
    await this.stub.fetch(`${this.address}/end`, { method: "POST" });
    this.running = false;
  }

  signal() {
    this.destroy();
  }

  async setInactivityTimeout() {}

  async interceptOutboundHttp() {}

  async interceptAllOutboundHttp() {}

  getTcpPort() {
    return {
      fetch: async (request, init) => {
        await this.started;
        const asked = new Request(request, init);
        const url = new URL(asked.url);
        return this.stub.fetch(new Request(`${this.address}${url.pathname}${url.search}`, asked));
      },
    };
  }
}

export class Sandbox extends Official {
  constructor(ctx, env) {
    Object.defineProperty(ctx, "container", { value: new Container(ctx.id.toString(), env.STUB) });
    super(ctx, env);
  }
}

export default bridge({ fetch: () => new Response("Not Found", { status: 404 }) });
