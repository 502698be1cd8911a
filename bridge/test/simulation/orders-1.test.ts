import { checkOrders } from "./check-orders.ts";

checkOrders(0, 2);
