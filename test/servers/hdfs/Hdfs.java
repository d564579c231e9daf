import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;

/**
 * A namenode and two datanodes in one process, for tests: `java Hdfs FOLDER`. Says `READY PORT`, the port
 * of WebHDFS on 127.0.0.1, and obeys lines of its input: `safemode enter`, `safemode leave`, `stop N`
 * (a datanode). Ends with its input. The datanodes are 127.0.0.1 and 127.0.0.2, so that a redirect
 * leads to the namenode's own host or to another one.
 */
public class Hdfs {
  static final String[] HOSTS = {"127.0.0.1", "127.0.0.2"};

  public static void main(String[] words) throws Exception {
    String folder = words[0];
    Configuration common = new HdfsConfiguration();
    common.set("fs.defaultFS", "hdfs://127.0.0.1:0");
    common.set("dfs.namenode.rpc-address", "127.0.0.1:0");
    common.set("dfs.namenode.rpc-bind-host", "127.0.0.1");
    common.set("dfs.namenode.http-address", "127.0.0.1:0");
    common.set("dfs.namenode.http-bind-host", "127.0.0.1");
    common.set("dfs.namenode.name.dir", "file://" + folder + "/namenode");
    common.set("dfs.replication", "1");
    common.set("dfs.namenode.safemode.extension", "0");
    common.set("dfs.heartbeat.interval", "1");
    common.set("dfs.namenode.datanode.registration.ip-hostname-check", "false");
    common.set("dfs.namenode.edits.noeditlogchannelflush", "true");
    // A datanode that closes a file asks the namenode again after so many milliseconds, not 400.
    common.set("dfs.client.block.write.locateFollowingBlock.initial.delay.ms", "5");
    common.set("dfs.client.block.write.locateFollowingBlock.retries", "12");
    // A list of 1000 keys needs several pages.
    common.set("dfs.ls.limit", "300");
    common.set("hadoop.http.filter.initializers", "");
    // Users that this machine does not have: their groups need not be looked for.
    common.set("hadoop.user.group.static.mapping.overrides", "bkp=bkp;mallory=mallory;root=root");
    // Namenode and datanodes are one process: their metrics have the same names.
    DefaultMetricsSystem.setMiniClusterMode(true);
    NameNode.format(common);
    NameNode namenode = NameNode.createNameNode(new String[] {}, common);
    String rpc = "127.0.0.1:" + namenode.getNameNodeAddress().getPort();
    DataNode[] datanodes = new DataNode[HOSTS.length];
    for (int i = 0; i < HOSTS.length; i++) {
      Configuration own = new HdfsConfiguration(common);
      own.set("fs.defaultFS", "hdfs://" + rpc);
      own.set("dfs.namenode.rpc-address", rpc);
      own.set("dfs.datanode.address", HOSTS[i] + ":0");
      own.set("dfs.datanode.http.address", HOSTS[i] + ":0");
      own.set("dfs.datanode.ipc.address", HOSTS[i] + ":0");
      own.set("dfs.datanode.hostname", HOSTS[i]);
      own.set("dfs.datanode.data.dir", "file://" + folder + "/datanode-" + i);
      datanodes[i] = DataNode.createDataNode(new String[] {}, own);
    }
    while (namenode.getNamesystem().getNumLiveDataNodes() < HOSTS.length || namenode.isInSafeMode()) {
      Thread.sleep(20);
    }
    System.out.println("READY " + namenode.getHttpAddress().getPort());
    obey(namenode, datanodes);
    for (DataNode datanode : datanodes) datanode.shutdown();
    namenode.stop();
    System.exit(0);
  }

  static void obey(NameNode namenode, DataNode[] datanodes) throws Exception {
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("safemode")) {
        boolean enter = words[1].equals("enter");
        namenode.getRpcServer().setSafeMode(
            enter ? SafeModeAction.SAFEMODE_ENTER : SafeModeAction.SAFEMODE_LEAVE, false);
      } else if (words[0].equals("stop")) {
        datanodes[Integer.parseInt(words[1])].shutdown();
      }
      System.out.println("DONE " + line);
    }
  }
}
