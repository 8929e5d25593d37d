// Serves the task queue `payments` until SIGTERM or SIGINT.
import { loadClientConnectConfig } from "@temporalio/envconfig";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { Admission } from "./admission.js";
import { activity } from "./boundary.js";
import { SimulatedCardProvider } from "./card_provider.js";
import { Database } from "./database.js";
import type { BookTransfer, ChargePayment, ExpectTransfer, FindReceipts, Request } from "./messages.js";
import { isTransfer } from "./messages.js";
import { Payments } from "./payments.js";
import { Receipts } from "./receipts.js";
import { Transfers } from "./transfers.js";

// The versions of the tables that this program was written for.
const VERSIONS = { payments: "0003", card_provider: "0001" };

function activitiesOn(db: Database) {
  const [receipts, admission] = [new Receipts(db), new Admission(db)];
  const payments = new Payments(db, receipts, admission, new SimulatedCardProvider(db));
  const transfers = new Transfers(db, receipts, admission);
  return {
    charge_payment: activity("charge_payment", (request: ChargePayment | ExpectTransfer) =>
      isTransfer(request) ? transfers.expect(request) : payments.charge(request),
    ),
    find_charge: activity("find_charge", (request: ChargePayment | ExpectTransfer) =>
      isTransfer(request) ? transfers.find(request) : payments.find(request),
    ),
    book_transfer: activity("book_transfer", (request: BookTransfer) => transfers.book(request)),
    refund_payment: activity("refund_payment", async (request: Request) =>
      (await transfers.expects(request.key)) ? transfers.giveBack(request) : payments.refund(request),
    ),
    settle_payment: activity("settle_payment", (request: Request) => payments.settle(request)),
    find_payment_receipts: activity("find_payment_receipts", (request: FindReceipts) => receipts.of(request)),
  };
}

async function checkTables(db: Database): Promise<void> {
  for (const [schema, version] of Object.entries(VERSIONS)) {
    const row = await db.row(`select version_num from ${schema}.schema_version`, []);
    if (row?.version_num !== version)
      throw new Error(`the schema ${schema} is at version ${row?.version_num}, and ${version} is needed`);
  }
}

async function main(): Promise<void> {
  if (!process.env.DATABASE_URL) throw new Error("DATABASE_URL: must be set");
  Runtime.install({ logger: new DefaultLogger("WARN") });
  const db = new Database(process.env.DATABASE_URL);
  await checkTables(db);
  const { connectionOptions, namespace } = loadClientConnectConfig({ disableFile: true });
  const connection = await NativeConnection.connect(connectionOptions);
  const worker = await Worker.create({
    connection,
    namespace: namespace ?? "default",
    taskQueue: "payments",
    activities: activitiesOn(db),
    shutdownGraceTime: "30s",
  });
  console.log("serving the task queue payments");
  await worker.run();
  await connection.close();
  await db.close();
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
});
